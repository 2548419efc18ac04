"""A Redis cache that forgets instead of failing: the cache is a convenience, the site is right without it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


class ForgivingRedisCache(RedisCache):
    """Django's Redis cache, in which every failure of the server reads as "not there"."""

    def _try(self, default: Any, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        except (RedisError, OSError) as problem:
            logger.warning("cache unavailable: %s", type(problem).__name__)
            return default

    def add(self, *args: Any, **kwargs: Any) -> bool:
        """Store unless present; True (as if stored) when the server is away."""
        return bool(self._try(True, super().add, *args, **kwargs))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The value, or `default` when absent or when the server is away."""
        return self._try(default, super().get, key, default, version)

    def set(self, *args: Any, **kwargs: Any) -> None:
        """Store, or do nothing when the server is away."""
        self._try(None, super().set, *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        """Prolong; False when the server is away."""
        return bool(self._try(False, super().touch, *args, **kwargs))

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        """Remove; False when the server is away."""
        return bool(self._try(False, super().delete, *args, **kwargs))

    def get_many(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        """The values that are there; none when the server is away."""
        return dict(self._try({}, super().get_many, *args, **kwargs))

    def set_many(self, *args: Any, **kwargs: Any) -> list[Any]:
        """Store several; reports none as failed when the server is away."""
        return list(self._try([], super().set_many, *args, **kwargs))

    def delete_many(self, *args: Any, **kwargs: Any) -> None:
        """Remove several, or do nothing when the server is away."""
        self._try(None, super().delete_many, *args, **kwargs)

    def has_key(self, *args: Any, **kwargs: Any) -> bool:
        """Whether it is there; False when the server is away."""
        return bool(self._try(False, super().has_key, *args, **kwargs))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Count up; answers `delta` when the server is away. Raises ValueError for an absent key."""
        return int(self._try(delta, super().incr, key, delta, version))
