"""Archives that exchange what their tellers allow to partners: by stick or by https, with nothing central."""
