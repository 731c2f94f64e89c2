"""The words of the field, half a page each, and the index of the exercises."""
