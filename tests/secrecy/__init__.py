"""What must never leak, be forged, be lost or be brought in from outside: docs/security.md names these tests."""
