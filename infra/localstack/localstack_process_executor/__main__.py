import sys

from localstack_process_executor.launcher import main

sys.exit(main())
