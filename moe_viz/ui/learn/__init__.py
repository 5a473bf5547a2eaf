"""The pages Learn, Predict, Training and Glossary."""
