"""What each state of the conversation looks like: one small file a state, and the parts they share."""
