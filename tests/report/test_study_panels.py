import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from defib.records.chart import Bars, BarSeries
from defib.report.study_panels import draw_bars


def test_intervals_stand_in_front_of_the_bars():
    axes = Figure().subplots()
    draw_bars(axes, Bars(("one",), (BarSeries("bar", (2.0,), (1.0,), (3.0,)),), "height"))
    [bar] = axes.patches
    [interval] = axes.collections
    assert interval.get_zorder() > bar.get_zorder()
    assert isinstance(interval, LineCollection)
    [segment] = interval.get_segments()
    assert np.asarray(segment)[:, 1].tolist() == [1.0, 3.0]
