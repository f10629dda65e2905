"""What engines say about a model, compared rung by rung: yields, NLL, best fit, test statistic, CLs."""
