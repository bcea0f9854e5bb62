"""`python -m neurojax.cli`."""

import sys

from neurojax.cli import main

sys.exit(main())
