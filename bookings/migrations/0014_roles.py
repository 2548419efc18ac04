"""The five roles of the console as they stand in bookings/desk/roles.py today, and the permission to help colleagues."""

from django.db import migrations

from bookings.desk.granting import Give

LOOK = ["bookings.view_booking", "bookings.view_bundleexample", "bookings.view_bundlemodel", "bookings.view_case",
        "bookings.view_diary", "bookings.view_externalcall", "bookings.view_heartbeat", "bookings.view_outbox",
        "bookings.view_proposal", "bookings.view_staffaction", "payments.view_dispute", "payments.view_gatewayevent",
        "payments.view_payment", "payments.view_refund", "suppliers.view_supplierevent",
        "suppliers.view_supplierorder"]
OPERATOR = ["bookings.do_look_again", "bookings.do_resume", "bookings.do_replay", "bookings.do_resend",
            "bookings.do_note", "bookings.do_handle", "bookings.do_contact", "bookings.do_pay_link",
            "bookings.do_tickets", "bookings.do_attach", "bookings.do_cancel", "bookings.do_export"]
FINANCE = ["bookings.do_look_again", "bookings.do_note", "bookings.do_handle", "bookings.do_capture",
           "bookings.do_void", "bookings.do_refund", "bookings.do_second", "bookings.do_export", "bookings.do_resend"]
ENGINEER = ["bookings.do_look_again", "bookings.do_resume", "bookings.do_replay", "bookings.do_note",
            "bookings.do_pause"]
PERMISSIONS = [
    ("do_look_again", "Ask the airline and the bank again"), ("do_resume", "Let the worker go on with a parked booking"),
    ("do_replay", "Hear a stored message again"), ("do_resend", "Send a mail again"),
    ("do_note", "Write notes, assign, snooze"), ("do_handle", "Mark cases handled, answer customers"),
    ("do_contact", "Correct a customer's contact data"), ("do_pay_link", "Send a customer the link to pay"),
    ("do_tickets", "Enter ticket numbers"), ("do_attach", "Attach an airline order to a booking"),
    ("do_cancel", "Ask what a cancellation gives back, and cancel"), ("do_capture", "Take reserved money"),
    ("do_void", "Release reserved money"), ("do_refund", "Give money back"),
    ("do_second", "Agree to, or refuse, what somebody else proposed"), ("do_pause", "Pause and resume sales"),
    ("do_reveal", "See travel documents in full"), ("do_export", "Export lists"),
    ("do_people", "Reset second factors and lift locks of colleagues"),
]


class Migration(migrations.Migration):
    """Groups, and the permissions that Django would make only after all migrations."""

    dependencies = [
        ("bookings", "0013_staff_actions_are_append_only"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.AlterModelOptions(name="staffaction", options={"permissions": PERMISSIONS}),
        Give({
            "viewer": LOOK,
            "operator": LOOK + OPERATOR,
            "finance": LOOK + FINANCE,
            "manager": LOOK + OPERATOR + FINANCE + ["bookings.do_pause", "bookings.do_reveal", "bookings.do_people"],
            "engineer": LOOK + ENGINEER,
        }),
    ]
