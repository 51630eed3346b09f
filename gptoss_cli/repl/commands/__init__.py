"""The commands of a chat, by what they are about; ``registry`` knows them all."""
