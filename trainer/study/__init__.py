"""The study: methods from papers on one base with one budget, their evaluation and the report."""
