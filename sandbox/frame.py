"""The names a vendor needs from the frame, in one place."""

from sandbox.contracts import Answer, Call, Json, Refusal, Vendor
from sandbox.world import World

__all__ = ["Answer", "Call", "Json", "Refusal", "Vendor", "World"]
