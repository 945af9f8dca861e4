"""Runs localstripe on one loopback port, the first argument, with nothing kept on disk.

By itself it listens on every interface, and writes its customers to one file for all that run on a machine.
"""

import sys

from aiohttp import web
from localstripe import server

server.store.dump_to_disk = lambda: None
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
