from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from defib.records.chart import Chart, Line, Lines
from defib.report.figures.style import figure_style
from defib.report.study_figures import painted_chart


def panel(title: str, *labels: str) -> Lines:
    lines = tuple(Line(label, (1.0, 2.0), (1.0, 2.0)) for label in labels)
    return Lines("epoch", "loss", lines, title=title)


def painted(*panels: Lines, columns: int = 2) -> Figure:
    with figure_style():
        figure = painted_chart(Chart("name", "title", "words", panels, columns=columns))
        figure.draw_without_rendering()
    return figure


def test_the_title_of_a_panel_stands_over_a_legend_of_its_own():
    figure = painted(panel("left", "one", "two", "three"), panel("right", "four", "five"))
    for axes in figure.axes:
        [title] = [
            each for each in axes.findobj(Text) if each.get_text() == axes.get_title(loc="left")
        ]
        legend = axes.get_legend()
        assert isinstance(legend, Legend)
        assert title.get_window_extent().y0 >= legend.get_window_extent().y1


def test_panels_that_show_the_same_share_a_legend():
    figure = painted(panel("left", "one", "two"), panel("right", "one", "two"))
    assert all(axes.get_legend() is None for axes in figure.axes)
    assert len(figure.legends) == 1
