-- The connection as it was when the marts were last built; what it is now is asked by int_inputs_ahead in the same words.
{{ org_connected() }}
