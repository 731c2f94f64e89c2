"""Formulas of the torch functions that the code wrote, one family of functions per file.

They know what the operators below have lost (which factor is the weight, how many heads), so
their arithmetic is readable. Each count is compared with that of the operators that ran.
"""
