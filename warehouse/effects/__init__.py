"""What a policy choice did: one treated area beside areas that were not, and an answer that is one of three.

Here belong the panel and what makes it unfit (`panel`, `refusal`), the fit (`simplex`, `synthetic`, `predictors`), what is
worked out around a fit (`placebo`, `robustness`), the rule that gives the answer with all its thresholds (`rule`), and the
whole of it in one call (`estimate`). The weights come from a convex solver, and each optimum is certified apart from it.
Imports of the solver and of scipy wait until a fit is asked for.
"""
