"""The Hugging Face cache on the disk, which every program that uses the hub shares."""
