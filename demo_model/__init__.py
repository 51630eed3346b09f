"""How the embedded model is made: data, tokenizer, network, training, export and evaluation.

``python -m demo_model.train`` makes ``gptoss_cli/models/demo.gguf`` from nothing;
``python -m demo_model.evaluate`` measures it. Not part of the installed program.
"""
