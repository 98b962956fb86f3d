"""Which moments of the server can be brought back."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from accesscontrol.api.content import answer
from accesscontrol.api.described import describes
from backups.api.view import BackupsView
from backups.pitr import services
from backups.pitr.services import Moments


class MomentsView(BackupsView):
    """The moments within reach."""

    operations = {"GET": "LIST_BACKUPS", "HEAD": "LIST_BACKUPS"}

    @describes(answers={200: Moments})
    def get(self, request: Request) -> HttpResponse:
        """Tell since when the server as a whole can be brought back, and whether all it writes is received."""
        return answer(services.moments(actor=self.actor))
