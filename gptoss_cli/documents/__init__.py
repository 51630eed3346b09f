"""What a person names (files, globs, addresses) as text for the model.

``reading.read`` is the way in; ``completion.complete`` helps to type a path.
"""
