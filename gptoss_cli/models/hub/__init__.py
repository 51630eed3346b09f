"""The Hugging Face hub: what it says about repositories, and its errors in our words."""
