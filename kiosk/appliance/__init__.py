"""The box as a machine that is installed, updated and looked after: releases side by side, bundles, the way back."""
