"""What people and other machines may send to do harm: at every way in, and read again at every way out."""
