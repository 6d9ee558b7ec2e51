"""What a policy choice did: one treated area beside areas that were not, or beside its own past, and an answer that is one of three.

Here belong the panel and what makes it unfit (`panel`, `refusal`); the methods, each to the same record (`effect`): those that compare
with other areas (`comparison`: `synthetic` and `predictors` on `simplex`, `difference`), whose placebos are in `placebo`, and the series
alone (`interrupted`); the rule that gives the answer with all its thresholds (`rule`); one question by each method that it gets
(`estimate`) and the one answer over them (`together`); and what is declared, from question to what a release keeps of it (`declared`,
`figures`, `asked`, `kept`). The weights come from convex solvers, and each optimum is certified apart from them. Imports of a solver, of
scipy and of statsmodels wait until a fit is asked for.
"""
