"""One public function is one thing a person can do: permission, transaction, core and journal meet here."""
