from promethios.governance import Governor, PolicyViolation

governor = Governor.from_file("policies.yaml")


@governor.guard("tool")
def refund(order: str, amount: float) -> str:
    return f"refunded {amount} for {order}"


print(refund("1042", 20.0))
try:
    refund("1043", 9000.0)
except PolicyViolation as violation:
    print(violation)
