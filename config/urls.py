"""What answers at which path."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from config import api
from config.dispatching import ByFirstName
from config.health import health

urlpatterns = [
    ByFirstName("api/v1/", api.urls(), "api"),  # first, for programs ask most
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("health", health, name="health"),
    path("admin/", admin.site.urls),
]
