"""The only package that imports streamlit: the shared engine, and the widgets and states of all pages."""
