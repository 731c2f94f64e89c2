"""How signals and gradients grow or shrink with depth: theory, and a real model beside it."""
