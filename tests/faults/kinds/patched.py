"""A configuration of gunicorn that lets gevent patch Python before the application is loaded."""

from gevent import monkey

monkey.patch_all()
