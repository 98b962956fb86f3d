"""The pages of people and roles in the admin; Django imports this package when it starts."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Group, User

from accesscontrol.admin.roles import RoleAdmin
from accesscontrol.admin.users import UserAdmin

admin.site.unregister([Group, User])  # Django's own ask its own permissions, and are audited by nobody
admin.site.register(User, UserAdmin)
admin.site.register(Group, RoleAdmin)
