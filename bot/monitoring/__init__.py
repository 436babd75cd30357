"""The service as an operator sees it: state, metrics, health over HTTP, alerts in chat."""
