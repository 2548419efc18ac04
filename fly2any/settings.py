"""Settings. Everything that differs between installations comes from the environment; README lists the names.

With no variable set the site runs against the sandbox on an embedded PostgreSQL and says so on every page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF

from fly2any import env, logs
from fly2any.stack import broker, postgres

BASE_DIR = env.BASE_DIR
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / ".local"))).absolute()
POSTGRES_DIR = DATA_DIR / "pg"
BROKER_DIR = DATA_DIR / "broker"
SECRETS_DIR = DATA_DIR / "secrets"
MAIL_DIR = DATA_DIR / "mail"

# --- where we are -----------------------------------------------------------------------------------------------------
WEB_PORT = env.number("WEB_PORT", 8000)
SANDBOX_PORT = env.number("SANDBOX_PORT", 8001)
SITE_URL = env.text("SITE_URL", f"http://127.0.0.1:{WEB_PORT}").rstrip("/")
HTTPS = SITE_URL.startswith("https://")
DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.text("SECRET_KEY") or env.kept_secret(SECRETS_DIR, "secret_key")
FIELD_ENCRYPTION_KEYS = env.words("FIELD_ENCRYPTION_KEYS") or [env.kept_secret(SECRETS_DIR, "field_key", "fernet")]
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", f"{urlsplit(SITE_URL).hostname},127.0.0.1,localhost,[::1]")
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0)  # how many proxies of ours stand in front

# --- the outside world ------------------------------------------------------------------------------------------------
_SANDBOX = f"http://127.0.0.1:{SANDBOX_PORT}"
DUFFEL_API_BASE = env.text("DUFFEL_API_BASE", f"{_SANDBOX}/duffel").rstrip("/")
DUFFEL_ACCESS_TOKEN = env.text("DUFFEL_ACCESS_TOKEN", "duffel_test_sandbox")
DUFFEL_IS_SANDBOX = env.is_loopback(DUFFEL_API_BASE)
DUFFEL_DASHBOARD = env.text("DUFFEL_DASHBOARD")  # our organisation there: https://app.duffel.com/NAME
DUFFEL_WEBHOOK_SECRET = env.text("DUFFEL_WEBHOOK_SECRET", "whsec_sandbox_duffel" if DUFFEL_IS_SANDBOX else "")
STRIPE_API_BASE = env.text("STRIPE_API_BASE", f"{_SANDBOX}/stripe").rstrip("/")
STRIPE_IS_SANDBOX = env.is_loopback(STRIPE_API_BASE)
_STRIPE_JS = f"{_SANDBOX}/stripe-js/v3/" if STRIPE_IS_SANDBOX else "https://js.stripe.com/v3/"
STRIPE_JS_URL = env.text("STRIPE_JS_URL", _STRIPE_JS)
STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY", "sk_test_sandbox")
STRIPE_PUBLISHABLE_KEY = env.text("STRIPE_PUBLISHABLE_KEY", "pk_test_sandbox")
STRIPE_WEBHOOK_SECRET = env.text("STRIPE_WEBHOOK_SECRET", "whsec_sandbox_stripe" if STRIPE_IS_SANDBOX else "")
# Amadeus is the sandbox's only beside the sandbox's Duffel: a site that sells for real has it on when it is named.
AMADEUS_API_BASE = env.text("AMADEUS_API_BASE", f"{_SANDBOX}/amadeus" if DUFFEL_IS_SANDBOX else "").rstrip("/")
AMADEUS_IS_SANDBOX = env.is_loopback(AMADEUS_API_BASE)
_AMADEUS_ID = env.text("AMADEUS_CLIENT_ID", "amadeus_sandbox" if AMADEUS_API_BASE else "off")
AMADEUS_CLIENT_ID = "" if _AMADEUS_ID == "off" else _AMADEUS_ID
AMADEUS_CLIENT_SECRET = env.text("AMADEUS_CLIENT_SECRET", "amadeus_sandbox_secret" if AMADEUS_IS_SANDBOX else "")
AMADEUS_CURRENCY = env.text("AMADEUS_CURRENCY", "USD")  # in which its prices are asked for
AMADEUS_OFFER_MINUTES = env.number("AMADEUS_OFFER_MINUTES", 30)  # how long a searched or priced offer stands
AMADEUS_GUEST_OFFICE_ID = env.text("AMADEUS_GUEST_OFFICE_ID")  # Enterprise: the office named in the token call
AMADEUS_CLIENT_REF_PREFIX = env.text("AMADEUS_CLIENT_REF_PREFIX")  # Enterprise: how ama-client-ref begins
AMADEUS_TICKETING_DELAY = env.text("AMADEUS_TICKETING_DELAY", "2D")  # after it an unticketed reservation goes
# Who the airline and the consolidator write to: the contact in every reservation.
AMADEUS_AGENCY_NAME = env.text("AMADEUS_AGENCY_NAME", "Fly2Any")
AMADEUS_AGENCY_EMAIL = env.text("AMADEUS_AGENCY_EMAIL", "desk@fly2any.example" if AMADEUS_IS_SANDBOX else "")
AMADEUS_AGENCY_CALLING_CODE = env.text("AMADEUS_AGENCY_CALLING_CODE", "1")
AMADEUS_AGENCY_PHONE = env.text("AMADEUS_AGENCY_PHONE", "2125550100" if AMADEUS_IS_SANDBOX else "")
AMADEUS_AGENCY_STREET = env.text("AMADEUS_AGENCY_STREET", "1 Sandbox Street" if AMADEUS_IS_SANDBOX else "")
AMADEUS_AGENCY_POSTCODE = env.text("AMADEUS_AGENCY_POSTCODE", "10001" if AMADEUS_IS_SANDBOX else "")
AMADEUS_AGENCY_CITY = env.text("AMADEUS_AGENCY_CITY", "New York" if AMADEUS_IS_SANDBOX else "")
AMADEUS_AGENCY_COUNTRY = env.text("AMADEUS_AGENCY_COUNTRY", "US")
# Hotels and things to do on the page of a confirmed trip: shown, never sold by us.
STAYS = env.flag("STAYS", default=AMADEUS_IS_SANDBOX)
STAYS_HOTEL_LINK = env.text("STAYS_HOTEL_LINK", "https://www.openstreetmap.org/search?query={name}%2C%20{city}")
SANDBOX = DUFFEL_IS_SANDBOX or STRIPE_IS_SANDBOX or (AMADEUS_IS_SANDBOX and bool(AMADEUS_CLIENT_ID))
SENTRY_DSN = env.text("SENTRY_DSN")

# --- how bookings run -------------------------------------------------------------------------------------------------
PAY_NOW_HOLD_FIRST = env.flag("PAY_NOW_HOLD_FIRST", default=True)
WEB_WAIT_SECONDS = env.number("WEB_WAIT_SECONDS", 20)
SEARCH_SECONDS = env.number("SEARCH_SECONDS", 20)  # how long a supplier may take over a search
SEARCH_SECONDS_OF = {"duffel": env.number("DUFFEL_SEARCH_SECONDS", 0),  # and one of them; 0: as the others
                     "amadeus": env.number("AMADEUS_SEARCH_SECONDS", 0)}
SERVICE_FEE_MINOR = env.number("SERVICE_FEE_MINOR", 0)  # our fee a booking, minor units, in every price from the start
ALERT_EMAIL = env.text("ALERT_EMAIL")  # who is told of critical and high cases
ALERT_WEBHOOK_URL = env.text("ALERT_WEBHOOK_URL")  # the chat that is told too; https, it takes {"text": …}
WEB_WORKERS = env.number("WEB_WORKERS", 2)
WEB_THREADS = env.number("WEB_THREADS", 8)  # per worker; at most half of them may wait for a booking
CRASH_FILE = env.text("CRASH_FILE")  # names the fault point at which a process kills itself; tests only

# --- applications and middleware --------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "fly2any",
    "suppliers",
    "payments",
    "bookings",
    "bookings.console.apps.ConsoleConfig",  # django.contrib.admin, with our own site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django_prometheus",
    "django_structlog",
    "import_export",
    "django_object_actions",
    "phonenumber_field",
    "django_countries",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "fly2any.counted.CountingMiddleware",
    "fly2any.logs.RequestLogMiddleware",
    "fly2any.headers.HeadersMiddleware",  # this and the next stand outside of whatever answers by itself
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "fly2any.staff.StaffIdleMiddleware",
    "fly2any.last_touch.LastTouchMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "fly2any.urls"
WSGI_APPLICATION = "fly2any.wsgi.application"
ASGI_APPLICATION = "fly2any.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "fly2any.ribbon.ribbon",
            ],
            "libraries": {"words": "bookings.checkout.words"},
        },
    }
]

# --- database ---------------------------------------------------------------------------------------------------------
# The pool is for web threads (wsgi.py switches it on). Drivers of bookings need a direct connection: the advisory lock.
DATABASE_URL = env.text("DATABASE_URL")
DATABASES = {
    "default": env.database(
        DATABASE_URL or postgres.url(POSTGRES_DIR),
        pool=env.flag("DB_POOL", default=False),
        pool_size=env.number("DB_POOL_SIZE", WEB_THREADS + 4),
        statement_timeout_ms=env.number("DB_STATEMENT_TIMEOUT_MS", 30_000),
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- broker and cache: conveniences, the site is right without them --------------------------------------------------
REDIS_URL = env.text("REDIS_URL") or broker.url_if_present(BROKER_DIR)
BROKER_ENABLED = bool(REDIS_URL)  # without a broker no task is sent and the sweeper drives everything
_BROKER_TIMEOUT = env.number("BROKER_TIMEOUT_SECONDS", 10)  # wsgi.py: 1, so that a dead broker holds no visitor up
CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 1,
    "socket_timeout": _BROKER_TIMEOUT,
    "max_retries": 0,
}
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 150
CELERY_TASK_TIME_LIMIT = 180
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_BACKEND = None
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TIMEZONE = "UTC"
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "fly2any.cache.ForgivingRedisCache",
        "LOCATION": broker.cache_url(REDIS_URL),
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
        "KEY_PREFIX": "fly2any",
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- people, cookies, passwords ---------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "fly2any.passwords.GuessableValidator"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # a name, and an address, alone: bookings/desk/lockout.py
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # a lock ends: who goes on trying does not make it longer
AXES_ENABLE_ACCESS_FAILURE_LOG = True
AXES_ENABLE_ADMIN = False  # the stock lists would let a superuser delete what was tried
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "bookings.access.counted_address"  # our proxies' word only; a /64 is one customer
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "email", "old", "password"]  # never kept beside a failed try
AXES_LOCKOUT_CALLABLE = "bookings.console.door.axes_locked"
PASSWORD_RESET_TIMEOUT = 3600  # seconds
STAFF_IDLE_SECONDS = 30 * 60
STAFF_SESSION_SECONDS = 12 * 3600
OTP_TOTP_ISSUER = "Fly2Any"
OTP_ADMIN_HIDE_SENSITIVE_DATA = True  # a secret is shown once, to whoever sets it up
# Staff move more than this at once only when a second person agrees; a currency not named here: always.
SECOND_PERSON_ABOVE = env.amounts("SECOND_PERSON_ABOVE", "USD 500, EUR 500, GBP 400, CAD 700, AUD 750, CHF 450")
# Below this our account with a supplier that tells its balance is a case; a currency not named here: at zero.
BALANCE_LOW = env.amounts("BALANCE_LOW", "USD 5000, EUR 5000, GBP 4000, CAD 7000, AUD 7500, CHF 4500")
ADMIN_NEEDS_OTP = env.flag("ADMIN_NEEDS_OTP", default=not SANDBOX or HTTPS)

_COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}sessionid"
SESSION_COOKIE_AGE = 14 * 24 * 3600  # staff sessions end sooner, see fly2any/staff.py
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
GUEST_COOKIE_NAME = f"{_COOKIE_PREFIX}guest"
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}csrftoken"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = HTTPS
CSRF_TRUSTED_ORIGINS = [env.origin(SITE_URL)]
LOGIN_URL = "/admin/login/"

# --- the security floor -----------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
FILE_UPLOAD_HANDLERS: list[str] = []  # nobody uploads anything
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [NONE],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# --- the API ----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["djangorestframework_camel_case.render.CamelCaseJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["djangorestframework_camel_case.parser.CamelCaseJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],  # ownership is checked by the selectors
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "bookings.api.errors.exception_handler",
    "NUM_PROXIES": TRUSTED_PROXIES,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "JSON_UNDERSCOREIZE": {"no_underscore_before_number": True},
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Fly2Any",
    "DESCRIPTION": "Search, hold, book, pay for and cancel flights.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "CAMELIZE_NAMES": False,
    "COMPONENT_SPLIT_PATCH": False,  # a PATCH takes what its serializer says
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "drf_spectacular.contrib.djangorestframework_camel_case.camelize_serializer_fields",
        "bookings.api.requests.only_listed_fields",
    ],
}

# --- language, time, files, mail, logs --------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = "fly2any.formats"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns at every start of a program when it is missing
STATICFILES_DIRS = [BASE_DIR / "static"]
_COLLECTED = "whitenoise.storage.CompressedManifestStaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _COLLECTED if HTTPS else "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = not HTTPS  # plain development serves the sources; production collects them
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False

EMAIL_URL = env.text("EMAIL_URL")
if EMAIL_URL:
    vars().update(env.env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = "fly2any.mailbox.FolderBackend"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"Fly2Any <bookings@{urlsplit(SITE_URL).hostname}>")

LOGGING = logs.config(env.text("LOG_LEVEL", "INFO"))
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = 10  # one line per request: its end
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_CELERY_ENABLED = False
PROMETHEUS_EXPORT_MIGRATIONS = False
METRICS_TOKEN = env.text("METRICS_TOKEN")
PHONENUMBER_DB_FORMAT = "E164"

if SENTRY_DSN:
    import sentry_sdk

    sentry_sdk.init(
        dsn=SENTRY_DSN, send_default_pii=False, max_request_body_size="never", include_local_variables=False,
        before_send=logs.report_without_values,  # no traces_sample_rate, not even 0: a caller's header would sample
        sample_rate=env.number("SENTRY_SAMPLE_PERCENT", 100) / 100, release=env.text("SENTRY_RELEASE") or None,
        environment=env.text("SENTRY_ENVIRONMENT", "sandbox" if SANDBOX else "production"),
    )
