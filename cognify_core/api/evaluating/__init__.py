"""`cognify.eval`: evaluations that are computed here, run by a harness, or told by somebody; and how they are recorded.

`asked` tells which of the three is meant. Computed here: `rows` opens the evaluation set, `predictions` asks the model,
`answers` puts what it said beside the labels, `metrics` (by `class_metrics`, `score_metrics`) measures it, `intervals`
says how sure that is. `harnesses` finds who runs tasks, `declared` reads what somebody tells. Each gives `Evaluated`;
`recording` puts these on record.

Everything is computed first: what goes wrong until then reaches the caller, and nothing is recorded. NumPy, pyarrow and
scikit-learn are imported when they are needed, and not to record what somebody tells.
"""
