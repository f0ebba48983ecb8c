"""A recipe made real: builds data, tokenizers, model, trainer and evaluation, and opens what has been trained."""
