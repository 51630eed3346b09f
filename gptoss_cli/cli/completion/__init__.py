"""What a shell offers when Tab is pressed: the program answers, four short scripts ask it."""
