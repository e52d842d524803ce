"""The smallest Django project: settings, a view and the callable in one file."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["django.test"], ROOT_URLCONF=__name__, SECRET_KEY=os.environ["SECRET_KEY"])
urlpatterns = [path("", lambda _request: HttpResponse("django\n"))]
application = get_wsgi_application()
