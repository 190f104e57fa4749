"""Where each fact of API sheet 1, 2.1, 2.3, 2.4 and 2.5 that a pipeline can meet is held: fact by fact, the test that fails without it.

The sheet is the project's collection of facts about Salesforce's public APIs. Here is no behaviour, only the way to it.
Sections 3 and 5 are named by the tests in bulk_and_files/ themselves.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from local_org.switches import Switches

HERE = Path(__file__).parent
FACTS = {
    "1 Hosts: My Domain serves data, log-in hosts do not": "wire/test_hosts.py::test_the_log_in_host_issues_tokens_for_the_my_domain",
    "1 Hosts: test.salesforce.com is for sandboxes": "wire/test_hosts.py::test_a_sandbox_logs_in_at_the_test_host",
    "1 Hosts: the Setup host serves no tokens": "wire/test_hosts.py::test_the_setup_host_serves_no_tokens",
    "1 Hosts: refresh at the issuing host": "wire/test_hosts.py::test_a_grant_refreshes_at_the_host_that_issued_it_alone",
    "1 Web server: state comes back": "wire/test_authorize.py::test_a_user_who_logs_in_and_allows_gets_a_code_and_the_callers_own_state",
    "1 Web server: denial": "wire/test_authorize.py::test_a_denied_request_returns_access_denied_and_no_code",
    "1 Web server: prompt": "wire/test_authorize.py::test_a_second_connection_with_the_same_scopes_is_not_asked_again_unless_it_wants_to",
    "1 Web server: PKCE is required": "wire/test_authorize.py::test_a_request_that_the_app_may_not_make_is_refused_on_its_callback",
    "1 Web server: secret and verifier": "wire/test_oauth.py::test_an_exchange_that_lacks_something_is_refused_in_salesforces_words",
    "1 Web server: public clients": "wire/test_token_refusals.py::test_a_public_client_sends_no_secret",
    "1 Web server: a code is single use": "wire/test_oauth.py::test_a_code_is_worth_one_exchange",
    "1 Web server: a code lives 15 minutes": "wire/test_oauth.py::test_a_code_dies_after_fifteen_minutes",
    "1 Response: strings, no expires_in": "wire/test_oauth.py::test_a_token_answer_has_salesforces_fields_as_strings_and_no_expires_in",
    "1 Response: refresh_token by scope": "wire/test_oauth.py::test_a_scope_without_refresh_token_gets_an_access_token_alone",
    "1 Response: id_token, keys": "wire/test_identity.py::test_an_id_token_is_verified_by_the_published_keys_and_names_app_and_user",
    "1 Response: id at the log-in host": "wire/test_hosts.py::test_an_org_served_under_the_log_in_host_names_its_people_there",
    "1 Response: sliding session": "wire/test_oauth.py::test_an_access_token_lives_as_long_as_it_is_used",
    "1 Refresh: no new token without rotation": "wire/test_oauth.py::test_without_rotation_the_same_refresh_token_goes_on",
    "1 Refresh: rotation": "wire/test_oauth.py::test_each_refresh_replaces_the_refresh_token",
    "1 Refresh: a rotated-out token ends all": "wire/test_oauth.py::test_a_rotated_out_token_revokes_everything_that_came_of_it",
    "1 Refresh: no grace window": "wire/test_oauth.py::test_two_refreshes_at_once_with_one_token_end_the_connection",
    "1 Refresh: five grants": "wire/test_oauth.py::test_the_sixth_grant_silently_revokes_the_oldest",
    "1 JWT bearer": "wire/test_jwt_bearer.py::test_a_right_assertion_gets_an_access_token_and_no_refresh_token",
    "1 JWT bearer: claims": "wire/test_jwt_bearer.py::test_an_assertion_that_says_something_else_is_refused",
    "1 JWT bearer: pre-authorised": "wire/test_jwt_bearer.py::test_a_user_whom_the_administrator_approved_needs_no_page",
    "1 Client credentials": "wire/test_oauth.py::test_client_credentials_act_as_the_user_that_was_set_for_them",
    "1 Client credentials: host": "wire/test_hosts.py::test_client_credentials_are_served_by_the_my_domain_alone",
    "1 Errors: expired, idle, immediately": "wire/test_token_refusals.py::test_a_refresh_token_ends_as_its_policy_says",
    "1 Errors: inactive user": "wire/test_oauth.py::test_a_deactivated_user_cannot_refresh_and_his_session_is_dead",
    "1 Errors: by policy": "wire/test_token_refusals.py::test_a_refresh_that_a_policy_refuses_says_why_and_is_not_used_up",
    "1 Errors: authentication failure": "wire/test_token_refusals.py::test_username_and_password_are_refused_unless_switched_on",
    "1 Errors: must be installed": "wire/test_token_refusals.py::test_an_app_that_is_not_installed_refuses_new_users_and_keeps_old_ones",
    "1 Errors: blocked": "wire/test_token_refusals.py::test_a_blocked_app_loses_its_sessions_at_once",
    "1 Errors: redirect_uri_mismatch": "wire/test_authorize.py::test_an_unknown_client_or_callback_sees_a_page_and_is_not_redirected",
    "1 Introspect": "wire/test_oauth.py::test_introspection_tells_what_a_token_is_worth",
    "1 Revoke": "wire/test_token_refusals.py::test_revoking_a_grant_ends_its_sessions_or_leaves_them",
    "1 Userinfo": "wire/test_identity.py::test_userinfo_has_the_recorded_keys",
    "1 Identity URL": "wire/test_identity.py::test_the_identity_url_has_its_own_words_and_the_versions_resource_leads_there",
    "1 Dead access token": "wire/test_oauth.py::test_a_call_without_a_valid_token_is_answered_401",
    "2.1 Versions": "test_rest_describe.py::test_versions_31_to_66_are_listed_with_their_seasons",
    "2.1 Versions without login": "wire/test_rest.py::test_the_versions_are_told_to_anyone_and_the_rest_to_no_stranger",
    "2.1 Versions: 410": "wire/test_setup_rows.py::test_a_version_that_is_not_served_is_refused_for_every_resource",
    "2.1 Limits": "test_rest_facts.py::test_limits_have_the_recorded_names",
    "2.1 Limits: permission": "test_rest_describe.py::test_limits_need_view_setup",
    "2.1 Sforce-Limit-Info": "wire/test_gate.py::test_every_authenticated_call_says_how_many_calls_are_used",
    "2.1 Calls: a rolling day": "wire/test_gate.py::test_calls_of_other_applications_and_of_a_day_ago_count_as_they_should",
    "2.1 Calls: long ones at once": "wire/test_setup_rows.py::test_no_call_begins_beside_as_many_long_ones_as_are_allowed",
    "2.1 Describes: keys": "test_rest_facts.py::test_describes_have_the_recorded_keys",
    "2.1 Describes: values": "test_rest_describe.py::test_fields_carry_the_attributes_of_a_real_describe",
    "2.1 Describes: flags of objects": "test_setup_objects.py::test_an_object_can_do_what_was_recorded_and_no_more",
    "2.1 Describes: 304": "wire/test_setup_rows.py::test_a_describe_is_answered_304_over_the_wire",
    "2.1 Describes: hidden fields are absent": "test_security.py::test_a_hidden_field_looks_exactly_like_one_that_does_not_exist",
    "2.1 Describes: visible objects only": "test_security.py::test_an_unreadable_object_looks_exactly_like_one_that_does_not_exist",
    "2.1 Layouts: null with record types": "test_rest_describe.py::test_with_record_types_each_layout_is_asked_for_by_its_own",
    "2.1 Layouts: per profile": "test_setup_objects.py::test_a_layout_may_be_a_profile_s_own",
    "2.1 Layouts: keys of a list": "test_setup_objects.py::test_a_related_list_is_described_with_its_columns",
    "2.3 updated: minutes, live rows": "test_rest_records.py::test_updated_rows_are_listed_by_minute",
    "2.3 deleted: purged rows too": "test_rest_records.py::test_deleted_rows_are_listed_with_the_time_even_when_purged",
    "2.3 deleted: as far as the log goes": "test_rest_facts.py::test_deleted_rows_are_listed_as_far_back_as_their_log_goes",
    "2.3 windows: 30 and 15 days": "test_rest_records.py::test_a_window_that_is_empty_or_too_far_back_is_refused",
    "2.3 replicateable": "test_rest_records.py::test_objects_that_are_not_replicateable_have_no_change_lists",
    "2.3 EXCEEDED_ID_LIMIT": "test_rest_facts.py::test_more_changed_ids_than_the_limit_are_refused",
    "2.4 Composite: references, order": "test_rest_composite.py::test_subrequests_answer_in_order_and_use_each_others_results",
    "2.4 Composite: 25": "test_rest_composite.py::test_a_twenty_sixth_operation_is_refused",
    "2.4 Composite: one call": "wire/test_gate.py::test_a_composite_of_queries_counts_as_one_call_and_is_logged_with_all_of_them",
    "2.4 Composite: PROCESSING_HALTED": "test_rest_composite.py::test_all_or_none_undoes_what_came_before",
    "2.4 Composite: no blobs": "test_rest_composite.py::test_a_subrequest_reads_no_bytes_and_may_name_another_version",
    "2.4 Batch": "test_rest_composite.py::test_a_batch_runs_independent_requests",
    "2.4 Collections": "test_rest_collections.py::test_each_record_has_its_own_result",
    "2.4 Collections: 200": "test_rest_collections.py::test_more_than_200_records_are_refused",
    "2.4 Retrieve": "test_rest_composite.py::test_records_are_retrieved_in_the_order_asked_with_null_for_the_rest",
    "2.4 Single records": "test_rest_records.py::test_a_record_is_created_read_changed_and_deleted",
    "2.5 Queries": "test_rest_facts.py::test_a_query_is_refused_by_status_code_and_text",
    "2.5 Calls, 404, 405": "test_rest_facts.py::test_a_call_is_refused_by_status_code_and_text",
    "2.5 405 outside of records": "wire/test_setup_rows.py::test_a_wrong_method_names_the_right_ones",
    "2.5 does not support query": "test_setup_objects.py::test_the_files_list_is_a_relationship_that_only_its_record_reads",
    "2.5 Writes": "test_rest_records.py::test_a_create_that_breaks_a_rule_is_refused",
    "2.5 ENTITY_IS_DELETED, cross-reference": "test_rest_records.py::test_a_reference_to_a_deleted_or_invisible_record_is_refused",
    "2.5 INSUFFICIENT_ACCESS": "test_rest_facts.py::test_insufficient_access_is_answered_with_either_status",
    "2.5 FIELD_CUSTOM_VALIDATION_EXCEPTION": "test_rest_facts.py::test_a_validation_rule_refuses_every_save_of_its_object",
    "2.5 OPERATION_TOO_LARGE": "test_rest_facts.py::test_activities_of_too_many_people_and_records_take_view_all_data",
    "2.5 REQUEST_LIMIT_EXCEEDED": "wire/test_gate.py::test_the_day_s_last_call_is_served_and_the_next_refused",
    "2.5 API_DISABLED_FOR_ORG": "wire/test_setup_rows.py::test_an_org_without_the_api_says_so",
    "2.5 API_CURRENTLY_DISABLED": "wire/test_gate.py::test_a_user_without_api_enabled_is_refused_with_that_word",
    "2.5 QUERY_TIMEOUT": "test_rest_facts.py::test_a_query_that_runs_too_long_is_refused_and_a_smaller_one_is_not",
    "2.5 TXN_SECURITY": "test_rest_facts.py::test_a_transaction_security_policy_refuses_queries",
    "2.5 415": "wire/test_rest.py::test_a_body_of_another_kind_is_refused",
    "2.5 JSON_PARSER_ERROR": "wire/test_rest.py::test_a_body_that_is_no_json_is_refused_with_its_place",
}  # fmt: skip

# What nobody could confirm, or what an org decides: the switch, and the test that sees the org in both positions.
SWITCHES = {
    "access_token_seconds": "wire/test_oauth.py::test_an_access_token_lives_as_long_as_it_is_used",
    "authorization_code_seconds": "wire/test_oauth.py::test_a_code_dies_after_fifteen_minutes",
    "rotate_refresh_tokens": "wire/test_oauth.py::test_without_rotation_the_same_refresh_token_goes_on",
    "connected_app_policy": "wire/test_setup_rows.py::test_the_connected_app_is_listed_with_its_policies_while_it_is_installed",
    "app_approved_for": "wire/test_token_refusals.py::test_the_administrator_approves_users_by_profile_or_permission_set",
    "uninstalled_app_shows_page": "wire/test_token_refusals.py::test_an_app_that_is_not_installed_refuses_new_users_and_keeps_old_ones",
    "refresh_token_policy": "wire/test_token_refusals.py::test_a_refresh_starts_the_idle_time_anew_and_not_the_whole",
    "refresh_token_days": "wire/test_token_refusals.py::test_a_refresh_token_ends_as_its_policy_says",
    "refresh_at_issuing_host_only": "wire/test_hosts.py::test_a_grant_refreshes_at_the_host_that_issued_it_alone",
    "require_client_secret": "wire/test_token_refusals.py::test_a_public_client_sends_no_secret",
    "username_password_flow": "wire/test_token_refusals.py::test_username_and_password_are_refused_unless_switched_on",
    "login_ip_ranges": "wire/test_token_refusals.py::test_a_refresh_that_a_policy_refuses_says_why_and_is_not_used_up",
    "organization_is_active": "wire/test_token_refusals.py::test_a_refresh_that_a_policy_refuses_says_why_and_is_not_used_up",
    "logins_per_hour": "wire/test_token_refusals.py::test_a_refresh_that_a_policy_refuses_says_why_and_is_not_used_up",
    "revoke_ends_access_tokens": "wire/test_token_refusals.py::test_revoking_a_grant_ends_its_sessions_or_leaves_them",
    "revoke_unknown_token_status": "wire/test_token_refusals.py::test_revoking_an_unknown_token_answers_as_the_switch_says",
    "bad_identity_token_status": "wire/test_token_refusals.py::test_a_bad_token_at_the_identity_services_answers_as_the_switch_says",
    "soap_login": "wire/test_soap_login.py::test_a_login_is_refused_by_a_fault_with_code_and_text",
    "jwt_longest_life_seconds": "wire/test_jwt_bearer.py::test_an_assertion_of_the_cli_is_refused_only_where_its_life_is_limited",
    "api_enabled_for_org": "wire/test_setup_rows.py::test_an_org_without_the_api_says_so",
    "concurrent_long_calls": "wire/test_setup_rows.py::test_no_call_begins_beside_as_many_long_ones_as_are_allowed",
    "long_call_seconds": "wire/test_setup_rows.py::test_no_call_begins_beside_as_many_long_ones_as_are_allowed",
    "validation_rule_on": "test_rest_facts.py::test_a_validation_rule_refuses_every_save_of_its_object",
    "transaction_security_code": "test_rest_facts.py::test_a_transaction_security_policy_refuses_queries",
    "slow_query": "test_rest_facts.py::test_a_query_that_runs_too_long_is_refused_and_a_smaller_one_is_not",
    "slow_query_rows": "test_rest_facts.py::test_a_query_that_runs_too_long_is_refused_and_a_smaller_one_is_not",
    "activity_relations": "test_rest_facts.py::test_activities_of_too_many_people_and_records_take_view_all_data",
    "api_access_control": "test_setup_objects.py::test_a_permission_that_not_every_org_has_is_an_unknown_field_there",
    "approve_uninstalled_apps_is_a_field": "test_setup_objects.py::test_a_permission_that_not_every_org_has_is_an_unknown_field_there",
    "oauth_tokens_of_others_need_manage_users": "wire/test_setup_rows.py::test_grants_are_rows_and_those_of_others_take_manage_users",
    "newest_api_version": "wire/test_setup_rows.py::test_a_version_that_is_not_served_is_refused_for_every_resource",
    "per_app_api_limit": "wire/test_setup_rows.py::test_the_limit_header_may_tell_the_calls_of_the_app",
    "layouts_name_the_files_list": "test_setup_objects.py::test_the_files_list_shows_in_a_layout_s_description_or_not",
    "deleted_list_days": "test_rest_facts.py::test_deleted_rows_are_listed_as_far_back_as_their_log_goes",
    "replication_lag_seconds": "test_rest_facts.py::test_latest_date_covered_may_lag_behind_the_end",
    "composite_queries": "test_rest_facts.py::test_a_composite_takes_as_many_queries_as_the_switch_says",
    "retrieve_ids": "test_rest_facts.py::test_a_retrieve_answers_null_or_nothing_for_a_missing_row",
    "retrieve_answers_null": "test_rest_facts.py::test_a_retrieve_answers_null_or_nothing_for_a_missing_row",
    "insufficient_access_status": "test_rest_facts.py::test_insufficient_access_is_answered_with_either_status",
    "invalid_query_locator_status": "test_rest_facts.py::test_a_dead_locator_is_answered_with_either_status",
    "daily_bulk_query_jobs": "bulk_and_files/test_bulk_jobs.py::test_the_days_jobs_are_counted_over_24_hours",
    "daily_bulk_query_result_kb": "bulk_and_files/test_bulk_jobs.py::test_the_days_results_are_counted_in_kilobytes",
    "bulk_page_records": "bulk_and_files/test_bulk_pages.py::test_without_max_records_the_server_cuts_pages_by_rows_and_by_size",
    "bulk_page_bytes": "bulk_and_files/test_bulk_pages.py::test_without_max_records_the_server_cuts_pages_by_rows_and_by_size",
    "bulk_header_when_empty": "bulk_and_files/test_bulk_pages.py::test_a_result_without_rows_is_a_header_or_nothing",
    "bulk_internal_retries": "bulk_and_files/test_bulk_jobs.py::test_a_platform_that_retries_too_often_fails_the_job",
    "bulk_bad_soql_fails_at_create": "bulk_and_files/test_bulk_queries.py::test_bad_soql_fails_at_create_or_as_a_job",
    "bulk_error_message_has_code": "bulk_and_files/test_bulk_queries.py::test_bad_soql_fails_at_create_or_as_a_job",
    "bulk_missing_id_filter_fails_at_create": "bulk_and_files/test_bulk_queries.py::test_links_without_their_filter_fail_late_or_at_create",
    "bulk_feature_code": "bulk_and_files/test_bulk_queries.py::test_features_that_bulk_lacks_are_refused_at_create",
    "bulk_early_results_code": "bulk_and_files/test_bulk_pages.py::test_results_before_the_end_are_refused",
    "bulk_counters_while_working": "bulk_and_files/test_bulk_jobs.py::test_counters_may_be_missing_until_a_job_has_ended",
    "bulk_datetimes_with_offset": "bulk_and_files/test_bulk_csv.py::test_datetimes_end_in_z_or_in_an_offset",
    "bulk_scientific_numbers": "bulk_and_files/test_bulk_csv.py::test_big_numbers_are_plain_or_scientific",
    "bulk_gzip": "bulk_and_files/test_bulk_pages.py::test_gzip_is_honoured_or_ignored",
    "daily_content_versions": "bulk_and_files/test_files.py::test_the_days_publications_are_counted_over_24_hours",
    "multipart_limit_mb": "bulk_and_files/test_files.py::test_a_multipart_file_has_its_own_limit",
    "file_storage_mb": "bulk_and_files/test_files.py::test_a_full_org_takes_no_file",
    "storage_limit_status": "bulk_and_files/test_files.py::test_a_full_org_takes_no_file",
    "first_link_share_type": "bulk_and_files/test_files.py::test_a_file_published_on_a_deal_is_linked_in_the_same_call",
    "duplicate_link_refused": "bulk_and_files/test_files.py::test_a_second_link_to_the_same_record_is_refused_or_not",
}  # fmt: skip


@cache
def names_in(path: str) -> frozenset[str]:
    """Returns the tests of a file of this room."""
    tree = ast.parse((HERE / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("fact", FACTS)
def test_each_fact_of_the_sheet_has_its_test(fact: str) -> None:
    """A fact whose test was renamed or dropped would be believed to hold for years."""
    path, _, name = FACTS[fact].partition("::")
    assert name in names_in(path)


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_reading_of_an_uncertain_fact_has_its_test(switch: str) -> None:
    """A switch that nothing turns is a guess with a name."""
    path, _, name = SWITCHES[switch].partition("::")
    assert name in names_in(path)
    assert switch in Switches().as_dict()
