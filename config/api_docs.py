"""The page that shows the REST API to people: from this server alone, of what they may do."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
@login_required(login_url="admin:login")
def page(request: HttpRequest) -> HttpResponse:
    """This function will return the page; its script reads the document of whoever is logged in."""
    return render(request, "api/docs.html")
