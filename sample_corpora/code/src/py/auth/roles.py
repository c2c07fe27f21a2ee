from functools import wraps

GRANTS = {
    "viewer": {"report:read", "project:read"},
    "editor": {"project:write", "comment:write"},
    "admin": {"user:invite", "user:remove", "project:delete"},
}

INHERITS = {"editor": ["viewer"], "admin": ["editor"]}


class Forbidden(Exception):
    def __init__(self, user, needed):
        super().__init__(f"{user} lacks {needed}")
        self.needed = needed


def expand(role, seen=None):
    seen = set() if seen is None else seen
    if role in seen:
        return set()
    seen.add(role)
    found = set(GRANTS.get(role, ()))
    for parent in INHERITS.get(role, ()):
        found |= expand(parent, seen)
    return found


def allowed(user, action):
    return any(action in expand(role) for role in user.roles)


def requires(action):
    def decorate(handler):
        @wraps(handler)
        def guarded(request, *args, **kwargs):
            if not allowed(request.user, action):
                raise Forbidden(request.user, action)
            return handler(request, *args, **kwargs)

        return guarded

    return decorate
