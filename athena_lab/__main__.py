"""``python -m athena_lab`` is the program ``athena``."""

import sys

from athena_lab.cli import main

sys.exit(main())
