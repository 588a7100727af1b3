"""What leaves an archive on purpose: everything as plain files, and single stories in other people's formats."""
