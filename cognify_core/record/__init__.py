"""The record: what was captured, said in events, carried to the store without disturbing the training."""
