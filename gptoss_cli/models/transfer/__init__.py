"""One remote file to one file on the disk: resumed, checked, and only then named."""
