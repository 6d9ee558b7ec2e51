"""What is declared: indicators with their bindings, policy goals, and the code book made from them."""
