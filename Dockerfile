# The app in a container, on the CPU. Not tried: this file was written without a container engine.
#   docker build -t moe_viz .
#   docker run -p 8501:8501 moe_viz
FROM python:3.12-slim

RUN useradd --create-home app
WORKDIR /home/app/moe_viz
COPY requirements.txt .
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt
COPY .streamlit .streamlit
COPY app.py ./
COPY pages pages
COPY moe_viz moe_viz
USER app

EXPOSE 8501
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health')"]
# The host names under which people reach it belong here in place of '*'.
CMD ["streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.allowedHosts", "*"]
