import pytest

for name in ("contract", "contract_belongings", "contract_meetings"):
    pytest.register_assert_rewrite(f"tests.store.{name}")
