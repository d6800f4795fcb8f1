"""Calls of MLflow's SQLAlchemy store that have to do with gateways and MCP servers; they need a scorer that is kept."""

from __future__ import annotations

from mlflow.entities.gateway_budget_policy import (
    BudgetAction,
    BudgetDuration,
    BudgetDurationUnit,
    BudgetTargetScope,
    BudgetUnit,
)
from mlflow.entities.gateway_endpoint import GatewayEndpointModelConfig, GatewayEndpointTag, GatewayModelLinkageType
from mlflow.entities.gateway_guardrail import GuardrailAction, GuardrailStage
from mlflow.entities.mcp_server import MCPStatus

from tests.integrations.mlflow_calls import Call, experiment, one, trace_of

GATEWAY = [
    Call("create_gateway_secret", lambda _: ("secret", {"api_key": "sk-1"}, "openai"), keep="secret"),
    Call("get_secret_info", one("secret", "secret_id")),
    Call("list_secret_infos"),
    Call("update_gateway_secret", lambda k: (k["secret"].secret_id, {"api_key": "sk-2"})),
    Call(
        "create_gateway_model_definition",
        lambda k: ("definition", k["secret"].secret_id, "openai", "gpt"),
        keep="definition",
    ),
    Call("get_gateway_model_definition", one("definition", "model_definition_id")),
    Call("list_gateway_model_definitions"),
    Call(
        "update_gateway_model_definition",
        one("definition", "model_definition_id"),
        lambda _: {"model_name": "gpt-2"},
    ),
    Call(
        "create_gateway_model_definition",
        lambda k: ("second", k["secret"].secret_id, "openai", "gpt"),
        keep="second",
    ),
    Call(
        "create_gateway_endpoint",
        lambda k: (
            "endpoint",
            [
                GatewayEndpointModelConfig(
                    k["definition"].model_definition_id, GatewayModelLinkageType.PRIMARY, weight=1.0
                )
            ],
        ),
        keep="endpoint",
    ),
    Call("get_gateway_endpoint", one("endpoint", "endpoint_id")),
    Call("list_gateway_endpoints"),
    Call("update_gateway_endpoint", one("endpoint", "endpoint_id"), lambda _: {"name": "renamed"}),
    Call(
        "attach_model_to_endpoint",
        lambda k: (
            k["endpoint"].endpoint_id,
            GatewayEndpointModelConfig(k["second"].model_definition_id, GatewayModelLinkageType.PRIMARY, weight=1.0),
        ),
    ),
    Call("detach_model_from_endpoint", lambda k: (k["endpoint"].endpoint_id, k["second"].model_definition_id)),
    Call("set_gateway_endpoint_tag", lambda k: (k["endpoint"].endpoint_id, GatewayEndpointTag("a", "b"))),
    Call("delete_gateway_endpoint_tag", lambda k: (k["endpoint"].endpoint_id, "a")),
    Call("create_endpoint_binding", lambda k: (k["endpoint"].endpoint_id, "scorer", "x")),
    Call("list_endpoint_bindings", one("endpoint", "endpoint_id")),
    Call("delete_endpoint_binding", lambda k: (k["endpoint"].endpoint_id, "scorer", "x")),
    Call(
        "create_gateway_guardrail",
        lambda k: (
            "guard",
            k["scorer"].scorer_id,
            k["scorer"].scorer_version,
            GuardrailStage.BEFORE,
            GuardrailAction.VALIDATION,
        ),
        keep="guard",
    ),
    Call("get_gateway_guardrail", one("guard", "guardrail_id")),
    Call("list_gateway_guardrails"),
    Call("add_guardrail_to_endpoint", lambda k: (k["endpoint"].endpoint_id, k["guard"].guardrail_id)),
    Call("list_endpoint_guardrail_configs", one("endpoint", "endpoint_id")),
    Call("update_endpoint_guardrail_config", lambda k: (k["endpoint"].endpoint_id, k["guard"].guardrail_id, 2)),
    Call("remove_guardrail_from_endpoint", lambda k: (k["endpoint"].endpoint_id, k["guard"].guardrail_id)),
    Call("delete_gateway_guardrail", one("guard", "guardrail_id")),
    Call(
        "create_budget_policy",
        lambda _: (
            BudgetUnit.USD,
            5.0,
            BudgetDuration(BudgetDurationUnit.DAYS, 1),
            BudgetTargetScope.GLOBAL,
            BudgetAction.ALERT,
        ),
        keep="budget",
    ),
    Call("get_budget_policy", one("budget", "budget_policy_id")),
    Call("list_budget_policies"),
    Call("update_budget_policy", one("budget", "budget_policy_id"), lambda _: {"budget_amount": 6.0}),
    Call("delete_budget_policy", one("budget", "budget_policy_id")),
    Call("delete_gateway_endpoint", one("endpoint", "endpoint_id")),
    Call("delete_gateway_model_definition", one("definition", "model_definition_id")),
    Call("delete_gateway_model_definition", one("second", "model_definition_id")),
    Call("delete_gateway_secret", one("secret", "secret_id")),
    Call("delete_scorer", lambda k: (experiment(k), "s")),
]
_SERVER = "io.example/notes"
MCP = [
    Call("create_mcp_server", lambda _: (_SERVER, "notes"), keep="mcp"),
    Call("get_mcp_server", lambda _: (_SERVER,)),
    Call("search_mcp_servers"),
    Call("update_mcp_server", lambda _: (_SERVER, "more notes")),
    Call("set_mcp_server_tag", lambda _: (_SERVER, "a", "b")),
    Call("delete_mcp_server_tag", lambda _: (_SERVER, "a")),
    Call(
        "create_mcp_server_version",
        lambda _: ({"name": _SERVER, "version": "1.0.0", "description": "notes"},),
        lambda _: {"status": MCPStatus.ACTIVE},
        keep="mcp_version",
    ),
    Call("get_mcp_server_version", lambda _: (_SERVER, "1.0.0")),
    Call("get_latest_mcp_server_version", lambda _: (_SERVER,)),
    Call("search_mcp_server_versions", lambda _: (_SERVER,)),
    Call("update_mcp_server_version", lambda _: (_SERVER, "1.0.0"), lambda _: {"last_updated_by": "ada"}),
    Call("set_mcp_server_version_tag", lambda _: (_SERVER, "1.0.0", "a", "b")),
    Call("delete_mcp_server_version_tag", lambda _: (_SERVER, "1.0.0", "a")),
    Call("set_mcp_server_alias", lambda _: (_SERVER, "prod", "1.0.0")),
    Call("get_mcp_server_version_by_alias", lambda _: (_SERVER, "prod")),
    Call("delete_mcp_server_alias", lambda _: (_SERVER, "prod")),
    Call("link_mcp_server_versions_to_trace", lambda k: (trace_of(1), [k["mcp_version"]])),
    Call("get_mcp_server_versions_for_trace", lambda _: (trace_of(1),)),
    Call(
        "create_mcp_access_endpoint",
        lambda _: (_SERVER, "https://example.org/mcp"),
        lambda _: {"server_version": "1.0.0"},
        keep="access",
    ),
    Call("get_mcp_access_endpoint", lambda k: (_SERVER, k["access"].id)),
    Call("search_mcp_access_endpoints", lambda _: (_SERVER,)),
    Call("update_mcp_access_endpoint", lambda k: (_SERVER, k["access"].id), lambda _: {"url": "https://b.org"}),
    Call("delete_mcp_access_endpoint", lambda k: (_SERVER, k["access"].id)),
    Call("update_mcp_server_version", lambda _: (_SERVER, "1.0.0"), lambda _: {"status": MCPStatus.DEPRECATED}),
    Call("delete_mcp_server_version", lambda _: (_SERVER, "1.0.0")),
    Call("delete_mcp_server", lambda _: (_SERVER,)),
]
