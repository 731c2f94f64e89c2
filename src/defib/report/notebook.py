"""A diagnosis as a small piece of HTML for the cell of a notebook."""

from __future__ import annotations

from defib.records.finding import Diagnosis
from defib.report.environment import badge_of, template_environment


def render_notebook(diagnosis: Diagnosis) -> str:
    """The verdict, each cause with its line and what to change.

    Styles stand on the elements, and there is neither id nor script: any number of them fit
    into one notebook.
    """
    template = template_environment().get_template("notebook.html.j2")
    return template.render(diagnosis=diagnosis, badge=badge_of(diagnosis))
