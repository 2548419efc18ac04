"""What each of Stripe's decline codes and error codes may be called in front of the customer. Data only.

Lost, stolen and fraud say "declined" and nothing else (stripe.md 1). A code of the second kind is no word of the bank:
our request or our account is at fault, and the page says so. Sources: docs.stripe.com/declines/codes and the enum of
`last_payment_error.code`, API 2026-10-28.endive; a test walks both.
"""

from __future__ import annotations

_BY_KIND: dict[str, str] = {
    "insufficient_funds": "insufficient_funds",
    "expired_card": "expired_card expired_payment_method",
    "incorrect_cvc": "incorrect_cvc invalid_cvc",
    "card_number": "incorrect_number invalid_number invalid_account account_closed",
    "card_expiry": "invalid_expiry_month invalid_expiry_year new_account_information_available",
    "card_address": (
        "incorrect_address incorrect_zip incorrect_postal_code postal_code_invalid "
        "payment_method_billing_details_address_missing cardholder_phone_number_required"),
    "card_not_supported": (
        "card_not_supported currency_not_supported invalid_card_type "
        "payment_method_currency_mismatch payment_method_not_available "
        "payment_method_unsupported_type payment_intent_incompatible_payment_method "
        "payment_method_unactivated token_card_network_invalid country_unsupported "
        "three_d_secure_authentication_not_supported"),
    "card_limit": (
        "card_velocity_exceeded withdrawal_count_limit_exceeded charge_exceeds_source_limit "
        "charge_exceeds_transaction_limit"),
    "card_rest": "card_decline_rate_limit_exceeded payment_intent_rate_limit_exceeded",
    "auth_failed": (
        "authentication_required authentication_not_handled authentication_failure "
        "payment_intent_authentication_failure payment_intent_action_required "
        "mobile_device_authentication_required three_d_secure_authentication_upstream_error "
        "payment_intent_payment_attempt_expired payment_method_customer_decline "
        "offline_pin_required online_or_offline_pin_required incorrect_pin invalid_pin "
        "pin_try_exceeded"),
    "processing_error": (
        "processing_error issuer_not_available try_again_later reenter_transaction "
        "approve_with_id payment_method_provider_timeout lock_timeout rate_limit "
        "idempotency_key_in_use"),
    "card_declined": (
        "card_declined generic_decline call_issuer do_not_honor do_not_try_again "
        "duplicate_transaction fraudulent highest_risk_level invalid_amount lost_card "
        "merchant_blacklist no_action_taken not_permitted pickup_card "
        "previously_declined_do_not_retry restricted_card revocation_of_all_authorizations "
        "revocation_of_authorization security_violation service_not_allowed stolen_card "
        "stop_payment_order testmode_decline transaction_not_allowed "
        "payment_intent_payment_attempt_failed payment_method_provider_decline "
        "payment_method_restricted refer_to_customer debit_not_authorized request_blocked "
        "action_blocked approval_required"),
    "payment_refused": (
        "account_country_invalid_address account_error_country_change_requires_additional_steps "
        "account_information_mismatch account_invalid account_number_invalid "
        "account_token_required_for_v2_account acss_debit_session_incomplete alipay_upgrade_required "
        "amount_too_large amount_too_small anomalous_money_movement_request api_key_expired "
        "application_fees_not_allowed balance_insufficient balance_invalid_parameter "
        "bank_account_bad_routing_numbers bank_account_declined bank_account_exists "
        "bank_account_restricted bank_account_unusable bank_account_unverified "
        "bank_account_verification_failed billing_invalid_mandate bitcoin_upgrade_required "
        "capability_not_active capture_charge_authorization_expired capture_unauthorized_payment "
        "charge_already_captured charge_already_refunded charge_disputed charge_expired_for_capture "
        "charge_invalid_parameter charge_not_refundable clearing_code_unsupported "
        "country_code_invalid coupon_expired customer_max_payment_methods customer_max_subscriptions "
        "customer_session_expired customer_tax_location_invalid dispute_evidence_page_limit_exceeded "
        "email_invalid failed_tax_calculation financial_account_balance_does_not_support_currency "
        "financial_account_capability_not_enabled financial_account_capability_restricted "
        "financial_connections_account_inactive financial_connections_account_pending_account_numbers "
        "financial_connections_account_unavailable_account_numbers "
        "financial_connections_consent_locale_invalid "
        "financial_connections_consent_locale_unsupported "
        "financial_connections_no_successful_transaction_refresh forwarding_api_inactive "
        "forwarding_api_invalid_parameter forwarding_api_retryable_upstream_error "
        "forwarding_api_upstream_connection_error forwarding_api_upstream_connection_timeout "
        "forwarding_api_upstream_error india_recurring_payment_mandate_canceled "
        "instant_payouts_config_disabled instant_payouts_currency_disabled "
        "instant_payouts_limit_exceeded instant_payouts_unsupported intent_invalid_state "
        "intent_verification_method_missing invalid_canceled_subscription_fields invalid_characters "
        "invalid_charge_amount invalid_mandate_reference_prefix_format invalid_source_usage "
        "invalid_tax_location invoice_no_customer_line_items invoice_no_payment_method_types "
        "invoice_no_subscription_line_items invoice_not_editable invoice_on_behalf_of_not_editable "
        "invoice_payment_intent_requires_action invoice_upcoming_none livemode_mismatch missing "
        "no_account not_allowed_on_standard_account out_of_inventory "
        "ownership_declaration_not_allowed parameter_invalid_empty parameter_invalid_integer "
        "parameter_invalid_string_blank parameter_invalid_string_empty parameter_missing "
        "parameter_unknown parameters_exclusive payment_evaluation_on_api_version_not_supported "
        "payment_intent_invalid_parameter payment_intent_konbini_rejected_confirmation_number "
        "payment_intent_mandate_invalid payment_intent_unexpected_state "
        "payment_method_bank_account_already_verified payment_method_bank_account_blocked "
        "payment_method_configuration_failures payment_method_invalid_parameter "
        "payment_method_invalid_parameter_testmode payment_method_microdeposit_failed "
        "payment_method_microdeposit_processing_error "
        "payment_method_microdeposit_verification_amounts_invalid "
        "payment_method_microdeposit_verification_amounts_mismatch "
        "payment_method_microdeposit_verification_attempts_exceeded "
        "payment_method_microdeposit_verification_descriptor_code_mismatch "
        "payment_method_microdeposit_verification_timeout payment_method_unexpected_state "
        "payout_reconciliation_not_ready payouts_limit_exceeded payouts_not_allowed "
        "platform_account_required platform_api_key_expired product_inactive "
        "progressive_onboarding_limit_exceeded refund_disputed_payment resource_already_exists "
        "resource_missing return_intent_already_processed routing_number_invalid secret_key_required "
        "sepa_unsupported_account service_period_coupon_with_metered_tiered_item_unsupported "
        "setup_attempt_failed setup_intent_authentication_failure setup_intent_invalid_parameter "
        "setup_intent_mandate_invalid setup_intent_mobile_wallet_unsupported "
        "setup_intent_setup_attempt_expired setup_intent_unexpected_state shipping_address_invalid "
        "shipping_calculation_failed siret_invalid sku_inactive smart_disputes_not_available "
        "state_unsupported status_transition_invalid storer_capability_missing "
        "storer_capability_not_active stripe_tax_inactive "
        "subscription_update_trial_after_billing_cycle_anchor tax_id_invalid tax_id_prohibited "
        "taxes_calculation_failed terminal_location_country_unsupported terminal_reader_busy "
        "terminal_reader_hardware_fault terminal_reader_invalid_location_for_activation "
        "terminal_reader_invalid_location_for_payment terminal_reader_offline terminal_reader_timeout "
        "testmode_charges_only tls_version_unsupported token_already_used token_in_use "
        "transfer_source_balance_parameters_mismatch transfers_not_allowed url_invalid"),
}
KINDS: dict[str, str] = {code: kind for kind, codes in _BY_KIND.items() for code in codes.split()}


def kind(decline_code: str, code: str) -> str:
    """Our word for a declined attempt; "" when there was none. A new decline code is a plain decline, a new error
    code a payment that could not be made.
    """
    if decline_code:
        return KINDS.get(decline_code) or (KINDS.get(code) or "card_declined")
    return KINDS.get(code, "payment_refused") if code else ""
