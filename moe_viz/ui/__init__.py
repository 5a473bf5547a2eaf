"""The only room that imports streamlit: the shared engine, the widgets and states of all pages."""
