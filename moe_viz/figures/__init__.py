"""Tables and arrays as Plotly figures: pure functions, for Streamlit and for notebooks alike."""
